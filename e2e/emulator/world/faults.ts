import type { Endpoint, FaultInput } from "./fault-input";
import type { Fault, World } from "./model";

export function addFault(world: World, userId: string | null, wanted: FaultInput): Fault {
  const fault: Fault = { ...wanted, id: world.chance.uuid(), userId };
  world.faults.push(fault);
  world.changed();
  return fault;
}

export function clearFaults(world: World, userId: string | null) {
  world.faults = world.faults.filter((fault) => fault.userId !== userId);
  world.changed();
}

/** Finds the first fault that applies to this request, and uses it up once. */
export function takeFault(world: World, endpoint: Endpoint, userId: string | null): Fault | undefined {
  const fault = world.faults.find(
    (one) =>
      (one.endpoint === "*" || one.endpoint === endpoint) && (one.userId === null || one.userId === userId),
  );
  if (fault?.times === undefined) return fault;
  fault.times -= 1;
  if (fault.times === 0) world.faults = world.faults.filter((other) => other !== fault);
  world.changed();
  return fault;
}
