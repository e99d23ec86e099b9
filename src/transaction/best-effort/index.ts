/** BEST_EFFORT: one source commits with an outbox of what the others get, exactly once, at once or later. */
export { type BestEffortOptions, bestEffortDefaults, bestEffortProtocol } from './best-effort-protocol.ts';
export { DeliveryDesk, type OpenDelivery, type ResolveOrder, type ResolveWord } from './delivery-desk.ts';
export type { DeliveryGround } from './ground.ts';
export { DeliveryRelay, type OutboxCount, type RelayEvents, type RelayOptions, relayDefaults } from './relay.ts';
