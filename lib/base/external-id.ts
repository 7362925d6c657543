import "server-only";
import { z } from "zod";

/**
 * The company's own id for a person: opaque, compared exactly, 1 to 255 printable characters. "." and ".."
 * can't be part of an address, and a lone surrogate can't be stored.
 */
export const externalIdShape = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u)
  .refine((id) => id !== "." && id !== "..");
