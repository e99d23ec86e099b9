/** Where configurations come from: files now, a shared store later. */
import type { Loaded, MeshConfig } from '../rules/index.ts';

export interface RuleSource {
  /** For logs: the file's name. */
  readonly name: string;
  /** Reads and checks everything anew. Never throws for bad content: that is told in `problems`. */
  load(): Promise<Loaded<MeshConfig>> | Loaded<MeshConfig>;
}
