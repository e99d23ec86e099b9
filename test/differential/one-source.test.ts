/** Every case on the layout one-source: a plain server and the mesh must give the same. */
import { compareSides } from './compare-sides.ts';
import { startMesh, startPlain } from './world.ts';

compareSides('plain server and mesh, one-source', 'one-source', async () => {
  const plain = await startPlain('number');
  try {
    return { plain, mesh: await startMesh('one-source') };
  } catch (error) {
    await plain.stop();
    throw error;
  }
});
