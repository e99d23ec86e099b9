/** XA: a transaction over several sources commits on all of them or on none. */
import { MeshError } from '../base/index.ts';
import { type CommitProtocol, plainOpening } from './commit-protocol.ts';
import { localProtocol } from './local-protocol.ts';

export const xaProtocol: CommitProtocol = {
  type: 'XA',
  begin: (scope) => ({
    ...localProtocol.begin(scope),
    type: 'XA',
    open(_branch, opened) {
      if (opened.length > 0)
        throw new MeshError('SM_UNSUPPORTED', {
          what: 'an XA transaction over several sources',
          reason: 'it is not built yet',
        });
      return plainOpening(scope.characteristics);
    },
  }),
};
