/**
 * Whether a swarm with members may have this name: 1 to 63 letters, digits, dots, dashes or underscores, no dot at the
 * beginning. It names a directory beside the file `current`, on disks that may ignore case, and comes from an invite: it
 * must neither lead elsewhere nor be that file.
 */
export function isSwarmName(name: string): boolean {
  return /^[\w-][\w.-]{0,62}$/.test(name) && name.toLowerCase() !== 'current'
}
