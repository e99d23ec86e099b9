/** Which of several readers takes the next read. Pure: the counters and the randomness are given. */

export type BalancerType = 'ROUND_ROBIN' | 'RANDOM' | 'WEIGHT' | 'LEAST_LATENCY';

export interface BalancerRule {
  readonly type: BalancerType;
  /** WEIGHT: by source name; absent: 1. */
  readonly props: Readonly<Record<string, string>>;
}

/** One reader as a balancer sees it. */
export interface Candidate {
  readonly name: string;
  readonly zone: string | undefined;
  /** A moving average; 0: not known yet. */
  readonly latencyMs: number;
  /** Reads under way. */
  readonly inFlight: number;
  /** 0 to 1: the part of its share that a reader which came back gets so far. */
  readonly warmth: number;
}

export class Balancer<C extends Candidate> {
  readonly #rule: BalancerRule;
  readonly #zone: string | undefined;
  readonly #random: () => number;
  #turn = 0;

  constructor(rule: BalancerRule, zone: string | undefined, random: () => number = Math.random) {
    this.#rule = rule;
    this.#zone = zone;
    this.#random = random;
  }

  /** Undefined only if there is none. */
  choose(all: readonly C[]): C | undefined {
    const near = this.#zone === undefined ? all : all.filter((each) => each.zone === this.#zone);
    const candidates = near.length > 0 ? near : all;
    if (candidates.length < 2) return candidates[0];
    const chosen = this.#pick(candidates);
    // Slow start: a cold reader passes most of its turns on.
    if (chosen.warmth >= 1 || this.#random() < chosen.warmth) return chosen;
    return this.#pick(candidates.filter((each) => each !== chosen));
  }

  #pick(candidates: readonly C[]): C {
    switch (this.#rule.type) {
      case 'ROUND_ROBIN':
        this.#turn += 1;
        return candidates[this.#turn % candidates.length] as C;
      case 'RANDOM':
        return this.#any(candidates);
      case 'WEIGHT':
        return this.#weighted(candidates);
      case 'LEAST_LATENCY': {
        const one = this.#any(candidates);
        const other = this.#any(candidates.filter((each) => each !== one));
        if (other === undefined) return one;
        return cost(other) < cost(one) ? other : one;
      }
    }
  }

  #any(candidates: readonly C[]): C {
    return candidates[Math.floor(this.#random() * candidates.length)] as C;
  }

  #weighted(candidates: readonly C[]): C {
    const weights = candidates.map((each) => Number(this.#rule.props[each.name] ?? 1));
    let at = this.#random() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      at -= weight;
      if (at < 0) return candidates[index] as C;
    }
    return candidates[candidates.length - 1] as C;
  }
}

/** Power of two choices: what the next read would wait for. */
function cost(candidate: Candidate): number {
  return candidate.latencyMs * (candidate.inFlight + 1);
}
