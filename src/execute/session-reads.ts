/** What one session has written and seen of replicated sources, and what its next read must therefore see. */
import type { BackendConnection, PositionListener, ReaderChoice, ReplicaMember, ReplicaSet } from '../backend/index.ts';
import { Position, type PositionBook, type SessionState } from '../session/index.ts';
import type { Reading } from './guarded-read.ts';
import type { SourceDirectory } from './source-directory.ts';

/** Asks a set's primary how far it is, for a session; rejects if it cannot be asked. */
export type PrimaryAsker = (set: ReplicaSet) => Promise<string>;

export class SessionReads implements PositionListener {
  readonly #state: SessionState;
  readonly #book: PositionBook;
  readonly #directory: () => SourceDirectory;
  /** By cluster. */
  #own = new Map<string, Position>();
  /** Clusters of which this session may have seen something that no position tells: only primaries will do. */
  readonly #uncertain = new Set<string>();
  /** Sets whose primary was used by what runs now, without having reported a position yet. */
  readonly #asked = new Set<ReplicaSet>();
  /** Other workers are being told. */
  #publishing: Promise<unknown> | undefined;

  constructor(state: SessionState, book: PositionBook, directory: () => SourceDirectory) {
    this.#state = state;
    this.#book = book;
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
        if (this.#state.mesh.shardmesh_consistency === 'eventual') return;
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

  /** The same without waiting; `ask`: the primary must be asked. */
  floorNow(set: ReplicaSet): Position | undefined | 'primary' | 'ask' {
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
        if (member === set.primary) this.#uncertain.delete(set.cluster);
        this.#raise(set, gtids);
      },
    };
  }

  /** COM_RESET_CONNECTION, COM_CHANGE_USER: another client begins. */
  reset(): void {
    this.#own = new Map();
    this.#asked.clear();
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
