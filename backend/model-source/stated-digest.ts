const SHA256_HEX = /^[0-9a-f]{64}$/i

/**
 * The sha256 of a whole file, in hex, where a server states it: Hugging Face beside its redirects, others by RFC 9530 or
 * its predecessor.
 */
export function statedSha256(headers: Headers): string | undefined {
  const linked = (headers.get('x-linked-etag') ?? '').replace(/^W\/|"/g, '')
  if (SHA256_HEX.test(linked)) return linked.toLowerCase()
  const fields = [headers.get('repr-digest'), headers.get('digest')].join(',')
  const [, base64] = /\bsha-256=:?([\w+/]{43}=?):?/i.exec(fields) ?? []
  if (base64 === undefined) return undefined
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}
