/** One reload over all workers: prepared by all, then swapped by all, or by none. */
import type { ConfigurationFiles, ReloadOrder, ReloadOutcome } from './protocol.ts';

/** A worker that takes part. `reload` rejects when it is gone. */
export interface ReloadMember {
  readonly index: number;
  reload(order: ReloadOrder): Promise<ReloadOutcome>;
}

/** How it ended; `files`: what is in force now, if that has changed. */
export interface RoundEnd<M> {
  readonly outcome: ReloadOutcome | undefined;
  readonly files: ConfigurationFiles | undefined;
  /** They did not swap though all were to: they must not go on. */
  readonly strays: readonly M[];
}

export class ReloadRound<M extends ReloadMember> {
  readonly #prepared = new Map<M, PromiseWithResolvers<ConfigurationFiles | undefined>>();
  readonly #verdict = Promise.withResolvers<undefined>();

  constructor() {
    // Nobody may have asked for it when it is refused.
    this.#verdict.promise.catch(() => undefined);
  }

  /** A worker is ready to swap: resolves when all are, rejects when one refused. */
  prepared(member: M, files: ConfigurationFiles | undefined): Promise<undefined> {
    this.#of(member).resolve(files);
    return this.#verdict.promise;
  }

  /** `lead` reads the files, the others build the same from what it read. A worker that dies meanwhile is left out. */
  async run(lead: M, others: readonly M[], reason: ReloadOrder['reason']): Promise<RoundEnd<M>> {
    const led = lead.reload({ reason, files: undefined, lead: true });
    led.catch(() => undefined);
    const first = await Promise.race([
      led.then((outcome) => ({ outcome, files: undefined })),
      this.#of(lead).promise.then((files) => ({ outcome: undefined, files })),
    ]);
    if (first.files === undefined) return { outcome: first.outcome, files: undefined, strays: [] };
    const { files } = first;
    const answers = others.map((member) => {
      const answer = member.reload({ reason, files, lead: false });
      answer.catch(() => undefined);
      return answer;
    });
    const refusals = await Promise.all(
      others.map((member, index) => this.#refusal(member, answers[index] as Promise<ReloadOutcome>)),
    );
    const refusal = refusals.find((each) => each !== undefined);
    if (refusal !== undefined) {
      this.#verdict.reject(new Error(refusal));
      await Promise.allSettled(answers);
      return { outcome: await led, files: undefined, strays: [] };
    }
    this.#verdict.resolve(undefined);
    const swapped = await Promise.allSettled([led, ...answers]);
    const strays = [lead, ...others].filter((_, index) => {
      const end = swapped[index];
      return end?.status === 'fulfilled' && end.value.result === 'refused';
    });
    const outcome = swapped.find((end) => end.status === 'fulfilled' && end.value.result !== 'refused');
    return { outcome: outcome?.status === 'fulfilled' ? outcome.value : undefined, files, strays };
  }

  /** Why a worker cannot swap; undefined: it can, has it already, or is gone. */
  async #refusal(member: M, answer: Promise<ReloadOutcome>): Promise<string | undefined> {
    return await Promise.race([
      this.#of(member).promise.then(() => undefined),
      answer.then(
        ({ result, reason }) => (result === 'refused' ? `worker ${member.index}: ${reason}` : undefined),
        () => undefined,
      ),
    ]);
  }

  #of(member: M): PromiseWithResolvers<ConfigurationFiles | undefined> {
    let known = this.#prepared.get(member);
    if (known === undefined) {
      known = Promise.withResolvers();
      this.#prepared.set(member, known);
    }
    return known;
  }
}
