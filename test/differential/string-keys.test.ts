/** Every case on the layout string-keys: a plain server and the mesh must give the same. */
import { compareSides } from './compare-sides.ts';
import { startMesh, startPlain } from './world.ts';

compareSides('plain server and mesh, string-keys', 'string-keys', async () => {
  const plain = await startPlain('string');
  try {
    return { plain, mesh: await startMesh('string-keys') };
  } catch (error) {
    await plain.stop();
    throw error;
  }
});
