/** Worker processes and the one process that owns them: their channel, and what they share. */
export { type Answers, Channel, ChannelFault, type ChannelPort, type Questions } from './channel.ts';
export { CounterHub } from './counter-hub.ts';
export { PROTOCOL_VERSION, type SupervisorQuestions, type WorkerQuestions } from './protocol.ts';
export { ShareHub, type ShareMember } from './share-hub.ts';
export { WorkerShare } from './worker-share.ts';
