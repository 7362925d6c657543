import { stableId } from "../world/brokerages";
import { isoTime } from "../world/clock";
import type { OddItemKind } from "../world/settings";
import type { User, World } from "../world/model";
import { brokerageShape } from "./shapes";

/** Items to put first in a user's list, one of each kind named in the settings. */
export function oddItems(world: World, user: User): unknown[] {
  return world.settingsOf(user).oddItems.map((kind) => oddItem(world, user, kind));
}

export function findOddItem(world: World, user: User, id: string | undefined): unknown {
  return oddItems(world, user).find(
    (item) => typeof item === "object" && item !== null && "id" in item && item.id === id,
  );
}

function oddItem(world: World, user: User, kind: OddItemKind): unknown {
  const brokerage = world.brokerage("KRAKEN", user);
  const item = {
    id: stableId(`odd ${kind} ${user.userId}`),
    created_date: isoTime(world.now(user)),
    brokerage: brokerage && brokerageShape(brokerage),
    name: `Odd: ${kind}`,
    type: "read",
    disabled: false,
    disabled_date: null,
    meta: {},
  };
  switch (kind) {
    case "unknown-type":
      return { ...item, type: "advise" };
    case "empty-created-date":
      return { ...item, created_date: "" };
    case "null-slug":
      return { ...item, brokerage: { ...item.brokerage, slug: null } };
    case "id-without-version":
      return { ...item, id: idWithoutVariant(item.id) };
    case "missing-disabled":
      return { ...item, disabled: undefined };
    case "no-brokerage":
      return { ...item, brokerage: null };
    case "not-an-object":
      return "not an object";
  }
}

/**
 * Mimics the specification's own example, 0b3ebefb-ed47-43df-cd8f-729a4420b5cf: shaped like a UUID, but of no
 * valid variant (docs/snaptrade.md §3.3).
 */
function idWithoutVariant(id: string): string {
  return `${id.slice(0, 19)}c${id.slice(20)}`;
}
