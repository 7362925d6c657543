import "server-only";
import { z } from "zod";

/**
 * The company's own id for a person: opaque, compared exactly, 1 to 255 printable characters. As part of an
 * address, "." and ".." would lead elsewhere, also between slashes; a lone surrogate can't be stored.
 */
export const externalIdShape = z
  .string()
  .regex(
    /^(?!(.*[/\\])?\.{1,2}([/\\].*)?$)[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u,
    "must be 1 to 255 printable characters, with no part between slashes that is “.” or “..”",
  );
