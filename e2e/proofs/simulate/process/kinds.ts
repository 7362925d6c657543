type Is = (value: unknown, type: object) => boolean;

/**
 * Lets drizzle remember which class is of which kind. It asks dozens of times for each part of a statement,
 * and walks up the prototypes each time. Call before drizzle is loaded.
 */
export function rememberKinds(require: NodeJS.Require): void {
  const file = require.resolve("drizzle-orm/entity");
  const entity = require(file) as { is: Is };
  const loaded = require.cache[file];
  if (loaded) loaded.exports = { ...entity, is: remembered(entity.is) };
}

function remembered(is: Is): Is {
  const known = new WeakMap<object, WeakMap<object, boolean>>();
  return (value, type) => {
    if (!value || typeof value !== "object") return false;
    const kind = Object.getPrototypeOf(value) as object | null;
    if (!kind) return is(value, type);
    let ofType = known.get(type);
    if (!ofType) known.set(type, (ofType = new WeakMap()));
    let answer = ofType.get(kind);
    if (answer === undefined) ofType.set(kind, (answer = is(value, type)));
    return answer;
  };
}
