/** The emulator's world and API, without its servers. */
export { World } from "../../../emulator/world/world";
export { createApi } from "../../../emulator/api/app";
export {
  addConnection,
  announceHoldings,
  breakConnection,
  finishRepair,
  removeConnection,
} from "../../../emulator/world/connections";
export { attemptSignIn } from "../../../emulator/portal/attempt";
export { brokerages } from "../../../emulator/world/brokerages";
export { signEvent, writeBody } from "../../../emulator/webhooks/body";
