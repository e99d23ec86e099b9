/** Keeps a plan that was compiled for one text from answering another text of its shape whose pinned literals differ. */
import { MeshError } from '../../base/index.ts';
import type { BindInput } from '../types.ts';
import type { AcrossBuilder, AcrossPlan } from './types.ts';

/**
 * Planning across shards happens at the first execution that needs several nodes, when the plan may already be in use:
 * the literals pinned now were not yet part of its identity. `builder` records them, `guard` compares them at each bind.
 */
export class PinGuard {
  readonly builder: AcrossBuilder;
  readonly #pins = new Map<number, string>();

  constructor(builder: AcrossBuilder) {
    const { tokens, fingerprint } = builder.text;
    this.builder = {
      ...builder,
      pin: (literal) => {
        if (literal.slot >= 0) this.#pins.set(literal.slot, slotText(literal.slot, { tokens, fingerprint }));
        return builder.pin(literal);
      },
    };
  }

  guard(plan: AcrossPlan): AcrossPlan {
    if (this.#pins.size === 0) return plan;
    return {
      weight: plan.weight,
      bind: (input, routed) => {
        for (const [slot, text] of this.#pins) {
          // The next execution finds the pins in the plan's identity, and gets a plan of its own.
          if (slotText(slot, input) !== text) throw new MeshError('SM_STALE_PLAN');
        }
        return plan.bind(input, routed);
      },
    };
  }
}

function slotText(slot: number, { tokens, fingerprint }: Pick<BindInput, 'tokens' | 'fingerprint'>): string {
  const from = tokens.starts[fingerprint.slotFirst[slot]!]!;
  const to = tokens.ends[fingerprint.slotEnd[slot]! - 1]!;
  return Buffer.from(tokens.text.subarray(from, to)).toString('latin1');
}
