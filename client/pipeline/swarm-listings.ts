import { InferenceError } from '../../protocol/index.ts'
import { readSwarm } from '../chain/index.ts'
import type { Listings } from './listings.ts'

/** The listings of one of several swarms. */
export interface SwarmListings {
  readonly name: string
  readonly listings: Listings
}

/** Listings of several swarms, the default first: models are called `swarm/model`, peers carry the name of their swarm. */
export function swarmListings(swarms: readonly SwarmListings[]): Listings {
  const names = swarms.map(({ name }) => name)
  /** The swarm that a name begins with, and the rest of the name. */
  const named = (
    model: string,
  ): { readonly in: readonly SwarmListings[]; readonly model: string } => {
    const found = readSwarm(model, names)
    return found === undefined
      ? { in: swarms, model }
      : { in: swarms.filter(({ name }) => name === found.swarm), model: found.model }
  }
  return {
    async models(options) {
      return await anyOf(swarms, async ({ name, listings }) => {
        const listed = await listings.models(options)
        return listed.map((model) => ({ ...model, id: `${name}/${model.id}` }))
      })
    },
    async peers(options) {
      return await anyOf(swarms, async ({ name, listings }) => {
        const listed = await listings.peers(options)
        return listed.map((peer) => ({ ...peer, swarm: name }))
      })
    },
    unusedFields(peerId, model, fields) {
      const { in: found, model: id } = named(model)
      // A peer that a swarm does not know ignores all of them there.
      const unused = found.map(({ listings }) => listings.unusedFields(peerId, id, fields))
      return unused.toSorted((a, b) => a.length - b.length)[0] ?? fields
    },
    slots(model, trusted) {
      const { in: found, model: id } = named(model)
      // A plain name is asked for in one swarm: the first that serves it.
      const slots = found.map(({ listings }) => listings.slots(id, trusted))
      return slots.find((count) => count > 0) ?? 0
    },
  }
}

/** The lists of all swarms that have one. @throws the first swarm's error if none has; other errors than `no_peers` */
async function anyOf<S extends SwarmListings, T>(
  swarms: readonly S[],
  list: (swarm: S) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const lists = await Promise.allSettled(swarms.map((swarm) => list(swarm)))
  const failures = lists.flatMap((each) =>
    each.status === 'rejected' ? [each.reason as unknown] : [],
  )
  const found = lists.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const other = failures.find((error) => !InferenceError.is(error, 'no_peers'))
  if (other !== undefined) throw other
  if (found.length === 0) throw failures[0]
  return found.flat()
}
