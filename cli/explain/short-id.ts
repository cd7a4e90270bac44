/** The end of a peer's id, which tells peers apart; a provider's name, at most seven characters of it. */
export function shortId(peerId: string): string {
  const [provider, name = ''] = peerId.split(':')
  if (provider === 'provider') return name.length <= 7 ? name : `${name.slice(0, 6)}…`
  return `…${peerId.slice(-6)}`
}
