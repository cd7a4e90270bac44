/** The facts about a relay that decide the choice. */
export interface RelayOption {
  readonly peer: string
  /** Relays of one network are likely to fail together. */
  readonly network: string
  /** One that is connected costs nothing to ask. */
  readonly connected: boolean
}

/**
 * Which relays to ask next, so that `wanted` are held and lie in different networks: new networks first, those that
 * are connected first, and else at random, so that peers do not all use one relay. With as many held as wanted, but
 * all in one network, one relay of another network is worth asking.
 *
 * @param random from 0 to 1
 */
export function chooseRelays(
  held: readonly RelayOption[],
  options: readonly RelayOption[],
  wanted: number,
  random: () => number,
): readonly RelayOption[] {
  const networks = new Set(held.map(({ network }) => network))
  const shuffled = options
    .map((option) => ({ option, key: (option.connected ? 0 : 1) + random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ option }) => option)
  const chosen: RelayOption[] = []
  for (const option of shuffled) {
    if (held.length + chosen.length >= wanted) break
    if (networks.has(option.network)) continue
    networks.add(option.network)
    chosen.push(option)
  }
  for (const option of shuffled) {
    if (held.length + chosen.length >= wanted) break
    if (!chosen.includes(option)) chosen.push(option)
  }
  if (chosen.length === 0 && held.length > 1 && networks.size === 1) {
    return shuffled.filter(({ network }) => !networks.has(network)).slice(0, 1)
  }
  return chosen
}
