/** A model that is named with its swarm. */
export interface InSwarm {
  readonly swarm: string
  /** The rest of the name; may be empty. */
  readonly model: string
}

/**
 * Reads `swarm/model`.
 *
 * @param swarms names of the client's swarms, in any case
 * @returns undefined for a name that begins with none of them
 */
export function readSwarm(name: string, swarms: readonly string[]): InSwarm | undefined {
  const slash = name.indexOf('/')
  if (slash <= 0) return undefined
  const prefix = name.slice(0, slash).toLowerCase()
  const swarm = swarms.find((each) => each.toLowerCase() === prefix)
  return swarm === undefined ? undefined : { swarm, model: name.slice(slash + 1) }
}
