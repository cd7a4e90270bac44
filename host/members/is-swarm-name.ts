/** `current`: the file beside the directories. `none`: no swarm, as an option. `auto`: any model, in a request. */
const RESERVED: ReadonlySet<string> = new Set(['auto', 'current', 'none'])

/**
 * Whether a swarm with members may have this name: 1 to 63 letters, digits, dots, dashes or underscores, no dot at the
 * beginning, and no word with a meaning of its own. It names a directory, on disks that may ignore case, and comes from an
 * invite: it must not lead elsewhere.
 */
export function isSwarmName(name: string): boolean {
  return /^[\w-][\w.-]{0,62}$/.test(name) && !RESERVED.has(name.toLowerCase())
}
