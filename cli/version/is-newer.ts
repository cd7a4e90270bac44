const VERSION = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+.*)?$/

/** Whether a version comes after another, by the rules of https://semver.org but for two pre-releases of one version. */
export function isNewer(version: string, than: string): boolean {
  const [one, other] = [VERSION.exec(version), VERSION.exec(than)]
  if (one === null || other === null) return false
  for (const part of [1, 2, 3]) {
    const difference = Number(one[part]) - Number(other[part])
    if (difference !== 0) return difference > 0
  }
  // A release comes after its pre-releases.
  return one[4] === undefined && other[4] !== undefined
}
