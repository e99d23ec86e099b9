/** What a transaction over services is: its kind, its branches and their calls; immutable once it is submitted. */

/** `saga`: actions and compensations. `tcc`: try, confirm, cancel. `message`: actions that can only succeed. `xa`: branches that services prepared by XA. */
export const kinds = ['saga', 'tcc', 'message', 'xa'] as const;
export type Kind = (typeof kinds)[number];

/** The word that a branch call carries, as services know it. */
export type Operation = 'action' | 'compensate' | 'try' | 'confirm' | 'cancel' | 'commit' | 'rollback' | 'msg';

/** The two or three things that may be asked of a branch. */
export type Side = 'forward' | 'complete' | 'undo';

export interface BranchDefinition {
  /** Unique in its transaction. */
  readonly id: string;
  /** Addresses by side; a side that is absent has nothing to be called. */
  readonly urls: Readonly<Partial<Record<Side, string>>>;
  /** What the calls carry; empty: a GET without a body. */
  readonly payload: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For one call; absent: the transaction's. */
  readonly timeoutMs?: number;
  /** Where the sidecar beside the called service answers for its barrier, `http://host:port`. */
  readonly barrierUrl?: string;
  /** Indexes of the branches that must be done before this one begins; undone in the opposite order. */
  readonly after: readonly number[];
}

export interface TransactionDefinition {
  readonly kind: Kind;
  readonly branches: readonly BranchDefinition[];
  /** The application calls the branches' tries itself: they may have run as soon as they are registered. */
  readonly external: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retry: {
    /** The first wait after a call without a verdict; doubles up to `maxMs`, with full jitter. */
    readonly baseMs: number;
    readonly maxMs: number;
    /** Forward calls that may be repeated before all is undone; 0: without limit. */
    readonly forwardLimit: number;
    /** Calls to complete or undo that may be made before it is suspended; 0: only age counts. */
    readonly settleLimit: number;
  };
  /** A transaction that is not past its forward part by then is undone; 0: never. */
  readonly failAfterMs: number;
  /** How long it may stay in one phase before it is suspended. */
  readonly maxAgeMs: number;
  /** Branches are not called before. */
  readonly delayMs: number;
  /** Asked of a message that was prepared and never submitted. */
  readonly queryUrl?: string;
  readonly parent?: string;
  /** What the application wants to find again; not interpreted. */
  readonly customData?: string;
}

/** What a call to a side is named, by kind. */
const operations: Readonly<Record<Kind, Readonly<Record<Side, Operation>>>> = {
  saga: { forward: 'action', complete: 'action', undo: 'compensate' },
  tcc: { forward: 'try', complete: 'confirm', undo: 'cancel' },
  message: { forward: 'action', complete: 'action', undo: 'compensate' },
  xa: { forward: 'action', complete: 'commit', undo: 'rollback' },
};

export function operationOf(kind: Kind, side: Side): Operation {
  return operations[kind][side];
}
