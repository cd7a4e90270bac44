/**
 * Has the router in front of a host forward a port, by NAT-PMP or UPnP. What it maps is announced only once a peer
 * outside got through.
 *
 * @packageDocumentation
 */

export { type Inner, natPmp, upnp } from './methods.ts'
export { PortMapper, type PortMapping } from './port-mapper.ts'
