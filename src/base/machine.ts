/**
 * The form of every coordinator: a pure function from a state and an event to the next state and what to do.
 *
 * Whoever drives it makes `next` durable before it carries out `effects`, and turns each effect's outcome into an event. Recovery
 * runs the same function on what was durable, so do simulations: with a seed, a virtual clock, and a failure at any effect.
 */
export interface Step<State, Effect> {
  readonly next: State;
  /** In order; those that may run side by side say so themselves. */
  readonly effects: readonly Effect[];
}

/** Deterministic and without side effects: times and random numbers arrive in events. */
export type Machine<State, Event, Effect> = (state: State, event: Event) => Step<State, Effect>;
