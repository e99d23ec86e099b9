/** What one session has written and seen of replicated sources, and what its next read must therefore see. */
import type { BackendConnection, PositionListener, ReaderChoice, ReplicaMember, ReplicaSet } from '../backend/index.ts';
import { type Handed, Position, type PositionBook, type PositionTokens, type SessionState } from '../session/index.ts';
import type { Reading } from './guarded-read.ts';
import type { SourceDirectory } from './source-directory.ts';

/** Asks a set's primary how far it is, for a session; rejects if it cannot be asked. */
export type PrimaryAsker = (set: ReplicaSet) => Promise<string>;

export class SessionReads implements PositionListener {
  readonly #state: SessionState;
  readonly #book: PositionBook;
  readonly #tokens: PositionTokens;
  readonly #directory: () => SourceDirectory;
  /** By cluster. */
  #own = new Map<string, Position>();
  /** Clusters of which this session may have seen something that no position tells: only primaries will do. */
  readonly #uncertain = new Set<string>();
  /** What clients have handed over, by cluster: seen at every level. Undefined: nothing. */
  #handed: Map<string, Position | 'unknown'> | undefined;
  /** Something was handed over that this sidecar cannot tell the servers of. */
  #handedElsewhere = false;
  /** Sets whose primary was used by what runs now, without having reported a position yet. */
  readonly #asked = new Set<ReplicaSet>();
  /** Other workers are being told. */
  #publishing: Promise<unknown> | undefined;

  constructor(state: SessionState, book: PositionBook, tokens: PositionTokens, directory: () => SourceDirectory) {
    this.#state = state;
    this.#book = book;
    this.#tokens = tokens;
    this.#directory = directory;
  }

  /** A statement other than a guarded read runs on the set's primary. */
  onPrimary(set: ReplicaSet, connection: BackendConnection): void {
    connection.positionListener = this;
    this.#asked.add(set);
  }

  /** A guarded read runs there. */
  onReader(connection: BackendConnection): void {
    connection.positionListener = this;
  }

  positionMoved(connection: BackendConnection, gtids: string): void {
    const set = this.#directory().setOfMember(connection.options.source);
    if (set === undefined) return;
    this.#asked.delete(set);
    this.#raise(set, gtids);
  }

  /** A transaction reported one position, but took part on several connections or sets: what is still to be asked. */
  get unsettled(): boolean {
    return this.#asked.size > 0 || this.#publishing !== undefined;
  }

  /**
   * Before the answer is told: others know the positions, and where a primary was used without reporting one (nothing changed,
   * an error, a transaction that only read), it is asked, so that no later read shows less than the client has seen.
   */
  async settle(ask: PrimaryAsker): Promise<void> {
    const sets = [...this.#asked];
    this.#asked.clear();
    await Promise.all(
      sets.map(async (set) => {
        if (this.#state.mesh.shardmesh_consistency === 'eventual') {
          // Not worth a question now; the level may be another one later.
          this.#uncertain.add(set.cluster);
          return;
        }
        try {
          this.#raise(set, await ask(set));
          this.#uncertain.delete(set.cluster);
        } catch {
          this.#uncertain.add(set.cluster);
        }
      }),
    );
    const publishing = this.#publishing;
    this.#publishing = undefined;
    // A worker that cannot be told is not known to be wrong: its successor starts with what is kept.
    await publishing?.catch(() => undefined);
  }

  /** What a read must see: undefined for any state, `primary` if only it will do. */
  async floor(set: ReplicaSet, ask: PrimaryAsker): Promise<Position | undefined | 'primary'> {
    const known = this.floorNow(set);
    if (known !== 'ask') return known;
    try {
      const floor = new Position();
      floor.raise(await ask(set));
      return floor;
    } catch {
      return 'primary';
    }
  }

  /** What this session has written and seen, as `shardmesh_position` shows it. */
  get token(): string {
    const known = new Map<string, Position | 'unknown'>(this.#own);
    for (const [cluster, handed] of this.#handed ?? []) {
      const own = this.#own.get(cluster);
      if (own === undefined || handed === 'unknown') known.set(cluster, handed);
      else known.set(cluster, merged(own, handed));
    }
    for (const cluster of this.#uncertain) known.set(cluster, 'unknown');
    for (const { cluster } of this.#asked) known.set(cluster, 'unknown');
    return this.#tokens.write({
      positions: [...known].map(([cluster, position]) => ({
        cluster,
        gtids: position === 'unknown' ? 'unknown' : position.text,
      })),
      more: this.#handedElsewhere,
    });
  }

  /** What a token says. Throws ER_WRONG_VALUE_FOR_VAR. */
  open(token: string): Handed {
    return this.#tokens.read(token);
  }

  /** From here on reads see it. */
  take({ positions, more }: Handed): void {
    if (more) this.#handedElsewhere = true;
    for (const { cluster, gtids } of positions) {
      this.#handed ??= new Map();
      const known = this.#handed.get(cluster) ?? new Position();
      if (known === 'unknown') continue;
      if (gtids !== 'unknown') known.raise(gtids);
      this.#handed.set(cluster, gtids === 'unknown' ? gtids : known);
    }
  }

  /** The same without waiting; `ask`: the primary must be asked. */
  floorNow(set: ReplicaSet): Position | undefined | 'primary' | 'ask' {
    if (this.#handedElsewhere) return 'primary';
    const handed = this.#handed?.get(set.cluster);
    if (handed === undefined) return this.#levelFloor(set);
    if (handed === 'unknown') return 'primary';
    const floor = this.#levelFloor(set);
    if (floor === undefined) return handed;
    return typeof floor === 'string' || floor.covers(handed) ? floor : merged(floor, handed);
  }

  #levelFloor(set: ReplicaSet): Position | undefined | 'primary' | 'ask' {
    switch (this.#state.mesh.shardmesh_consistency) {
      case 'eventual':
        return undefined;
      case 'session':
        return this.#uncertain.has(set.cluster) ? 'primary' : (this.#own.get(set.cluster) ?? nothing);
      case 'strict':
        return 'ask';
      default:
        if (this.#uncertain.has(set.cluster)) return 'primary';
        return this.#book.position(this.#state.user, set.cluster) ?? 'primary';
    }
  }

  /** A choice as it goes with the lease. */
  reading(set: ReplicaSet, choice: ReaderChoice | undefined): Reading {
    const member: ReplicaMember = choice?.member ?? set.primary;
    return {
      set,
      member,
      wait: choice?.wait,
      exact: this.#state.mesh.shardmesh_consistency !== 'eventual',
      seen: (gtids) => {
        if (gtids === undefined || gtids === '') {
          this.#uncertain.add(set.cluster);
          return;
        }
        if (member === set.primary) {
          this.#uncertain.delete(set.cluster);
          if (this.#handed?.get(set.cluster) === 'unknown') this.#handed.delete(set.cluster);
        }
        this.#raise(set, gtids);
      },
    };
  }

  /** COM_RESET_CONNECTION, COM_CHANGE_USER: another client begins. */
  reset(): void {
    this.#own = new Map();
    this.#asked.clear();
    this.#handed = undefined;
    this.#handedElsewhere = false;
  }

  #raise(set: ReplicaSet, gtids: string): void {
    let own = this.#own.get(set.cluster);
    if (own === undefined) {
      own = new Position();
      this.#own.set(set.cluster, own);
    }
    own.raise(gtids);
    const published = this.#book.raise(this.#state.user, set.cluster, gtids);
    if (published === undefined) return;
    this.#publishing = this.#publishing === undefined ? published : Promise.all([this.#publishing, published]);
  }
}

const nothing = new Position();

function merged(one: Position, other: Position): Position {
  const both = one.copy();
  both.merge(other);
  return both;
}
