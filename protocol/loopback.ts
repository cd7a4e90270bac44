const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/

/** Whether an IP address, without brackets and port, is a loopback address. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK.test(address)
}
