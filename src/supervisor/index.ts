/** Worker processes and the one process that owns them: their life, their channel, and what they share. */
export { type Answers, Channel, ChannelFault, type ChannelPort, type Questions, RemoteError } from './channel.ts';
export { CounterHub } from './counter-hub.ts';
export { addressText, Door, type DoorOptions, type Receiver } from './door.ts';
export { LastGood } from './last-good.ts';
export { type DrainHandles, type DrainLimits, defaultDrainLimits, Lifecycle, type LifePhase } from './lifecycle.ts';
export { type LineSink, relayLines } from './log-relay.ts';
export type {
  BeginOrder,
  ConfigurationFiles,
  ConfigurationSummary,
  HealthReason,
  LoadOrder,
  LoadOutcome,
  ReloadOrder,
  ReloadOutcome,
  ReloadReason,
  SupervisorQuestions,
  WorkerQuestions,
} from './protocol.ts';
export { PROTOCOL_VERSION } from './protocol.ts';
export { ReloadRound, type RoundEnd } from './reload-round.ts';
export { ShareHub, type ShareMember } from './share-hub.ts';
export { StartRefused } from './start-refused.ts';
export { watchFiles } from './watch-files.ts';
export { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts';
export { type Accept, clientDoor, type OpenDoor, type WorkerAnswers, WorkerPort } from './worker-port.ts';
export { type WorkerEnd, WorkerProcess } from './worker-process.ts';
export { WorkerShare } from './worker-share.ts';
