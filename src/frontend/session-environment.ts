/** What the next statement of a session is planned in. */
import type { PlanEnvironment } from '../plan/index.ts';
import { planEnvironment } from './plan-environment.ts';
import type { Session } from './session.ts';

/** The same object while nothing that matters has changed. */
export function sessionEnvironment(session: Session): PlanEnvironment {
  const { state } = session;
  const base = planEnvironment(session.snapshot, session.database, state.database, state.settings);
  if (session.temporary === undefined) return base;
  // The connection that kept them is gone, or was given up by a reset.
  if (session.backend.pin === undefined) {
    session.temporary = undefined;
    return base;
  }
  return session.temporary.environment(base);
}
