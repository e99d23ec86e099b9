/** Every case on the layout four-sources: a plain server and the mesh must give the same. */
import { compareSides } from './compare-sides.ts';
import { startMesh, startPlain } from './world.ts';

compareSides('plain server and mesh, four-sources', 'four-sources', async () => {
  const plain = await startPlain('number');
  try {
    return { plain, mesh: await startMesh('four-sources') };
  } catch (error) {
    await plain.stop();
    throw error;
  }
});
