/** Every case on the layout two-by-two: a plain server and the mesh must give the same. */
import { compareSides } from './compare-sides.ts';
import { startMesh, startPlain } from './world.ts';

compareSides('plain server and mesh, two-by-two', 'two-by-two', async () => {
  const plain = await startPlain('number');
  try {
    return { plain, mesh: await startMesh('two-by-two') };
  } catch (error) {
    await plain.stop();
    throw error;
  }
});
