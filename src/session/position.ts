/** How far a server's writes have come, as its GTIDs say: for each sequence (MariaDB's domain, MySQL's server UUID) the last number. */

/** One sequence's last number, and its text as the server writes it. */
interface Reached {
  readonly number: bigint;
  /** MariaDB's `domain-server-number`; MySQL's `uuid:1-number`. */
  readonly text: string;
}

/**
 * Grows, never shrinks. MySQL's sets are read as their first gapless run when they say what a server has (`applied`), and by
 * their greatest number when they say what must be had: a wait for more than was written is safe, one for less is not.
 */
export class Position {
  readonly #reached = new Map<string, Reached>();
  #text: string | undefined;

  get empty(): boolean {
    return this.#reached.size === 0;
  }

  /** For MASTER_GTID_WAIT and WAIT_FOR_EXECUTED_GTID_SET. */
  get text(): string {
    this.#text ??= [...this.#reached.values()].map((each) => each.text).join(',');
    return this.#text;
  }

  /** Sequences with their numbers and texts. */
  entries(): Iterable<readonly [sequence: string, reached: Reached]> {
    return this.#reached;
  }

  number(sequence: string): bigint | undefined {
    return this.#reached.get(sequence)?.number;
  }

  /** Takes over what is further in a text of GTIDs. True: something was. */
  raise(text: string, form: 'wanted' | 'applied' = 'wanted'): boolean {
    let raised = false;
    for (const gtid of text.split(',')) {
      const parsed = parseGtid(gtid.trim(), form);
      if (parsed !== undefined && this.#raiseOne(parsed.sequence, parsed)) raised = true;
    }
    return raised;
  }

  merge(other: Position): boolean {
    let raised = false;
    for (const [sequence, reached] of other.#reached) if (this.#raiseOne(sequence, reached)) raised = true;
    return raised;
  }

  /** Whether everything up to `wanted` is in it. */
  covers(wanted: Position): boolean {
    for (const [sequence, reached] of wanted.#reached) {
      const own = this.#reached.get(sequence);
      if (own === undefined || own.number < reached.number) return false;
    }
    return true;
  }

  copy(): Position {
    const copy = new Position();
    copy.merge(this);
    return copy;
  }

  #raiseOne(sequence: string, reached: Reached): boolean {
    const known = this.#reached.get(sequence);
    if (known !== undefined && known.number >= reached.number) return false;
    this.#reached.set(sequence, reached);
    this.#text = undefined;
    return true;
  }
}

interface ParsedGtid extends Reached {
  readonly sequence: string;
}

const mariadb = /^(\d{1,10})-\d{1,10}-(\d{1,20})$/;
/** With the tag of MySQL 8.3 and later, if any. Intervals follow, each `n` or `n-m`, `#thread` behind those in gtid_owned. */
const mysql = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?::[a-z_][a-z0-9_]*)?):([\d:#-]+)$/i;

function parseGtid(text: string, form: 'wanted' | 'applied'): ParsedGtid | undefined {
  const one = mariadb.exec(text);
  if (one !== null) return { sequence: one[1] as string, number: BigInt(one[2] as string), text };
  const set = mysql.exec(text);
  if (set === null) return undefined;
  const sequence = (set[1] as string).toLowerCase();
  let number = 0n;
  for (const interval of (set[2] as string).split(':')) {
    const [from, to = from] = interval.replace(/#.*$/, '').split('-');
    if (form === 'applied' && BigInt(from as string) > number + 1n) break;
    const end = BigInt(to as string);
    if (end > number) number = end;
  }
  return number === 0n ? undefined : { sequence, number, text: `${sequence}:1-${number}` };
}
