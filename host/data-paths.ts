import { join } from 'node:path'

/** The files and folders of a data directory. */
export interface DataPaths {
  readonly identity: string
  readonly datastore: string
  readonly ports: string
  readonly advertisements: string
  readonly entryPoints: string
}

export function dataPaths(dataDir: string): DataPaths {
  return {
    identity: join(dataDir, 'identity.key'),
    datastore: join(dataDir, 'datastore'),
    ports: join(dataDir, 'ports.json'),
    advertisements: join(dataDir, 'advertisements'),
    entryPoints: join(dataDir, 'entry-points.json'),
  }
}
