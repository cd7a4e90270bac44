import { once } from 'node:events'
import type { Router } from './router.ts'

/** Serves NAT-PMP or UPnP on a router, and forwards what it is asked to with the packet filter. */
const SERVER = `
const { execFileSync } = require('node:child_process')
const dgram = require('node:dgram')
const http = require('node:http')
const { how, lanIp, outerIp, honest } = JSON.parse(process.argv[1])
const forward = (port, ip, toPort) => {
  if (honest) execFileSync('nft', ['add', 'rule', 'ip', 'skein', 'forwards', 'tcp', 'dport', String(port), 'dnat', 'to', ip + ':' + toPort])
  console.log('mapped ' + port + ' to ' + ip + ':' + toPort)
}
if (how === 'NAT-PMP') {
  const socket = dgram.createSocket('udp4')
  socket.on('message', (request, from) => {
    const op = request[1]
    const answer = Buffer.alloc(op === 0 ? 12 : 16)
    answer[1] = op + 128
    if (op === 0) Buffer.from(outerIp.split('.').map(Number)).copy(answer, 8)
    else {
      const [inner, outer, seconds] = [request.readUInt16BE(4), request.readUInt16BE(6), request.readUInt32BE(8)]
      answer.writeUInt16BE(inner, 8)
      answer.writeUInt16BE(outer, 10)
      answer.writeUInt32BE(seconds, 12)
      if (seconds > 86_400) answer.writeUInt16BE(2, 2)
      else if (seconds > 0) forward(outer, from.address, inner)
      else console.log('unmapped ' + inner)
    }
    socket.send(answer, from.port, from.address)
  })
  socket.bind(5351, lanIp, () => console.log('listening'))
} else {
  const type = 'urn:schemas-upnp-org:device:InternetGatewayDevice:2'
  const service = 'urn:schemas-upnp-org:service:WANIPConnection:2'
  const description = '<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>' + type + '</deviceType><UDN>uuid:router</UDN><deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:2</deviceType><serviceList><service><serviceType>' + service + '</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><controlURL>/control</controlURL><eventSubURL>/events</eventSubURL><SCPDURL>/scpd.xml</SCPDURL></service></serviceList></device></deviceList></device></root>'
  const field = (body, name) => new RegExp('<' + name + '>([^<]*)<').exec(body)?.[1] ?? ''
  http.createServer((request, response) => {
    let body = ''
    request.on('data', (data) => { body += data })
    request.on('end', () => {
      response.setHeader('content-type', 'text/xml')
      const action = /#(\\w+)"/.exec(request.headers.soapaction ?? '')?.[1]
      if (action === undefined) return response.end(description)
      let result = ''
      if (action === 'AddAnyPortMapping') {
        const port = field(body, 'NewExternalPort')
        forward(port, field(body, 'NewInternalClient'), field(body, 'NewInternalPort'))
        result = '<NewReservedPort>' + port + '</NewReservedPort>'
      }
      if (action === 'GetExternalIPAddress') result = '<NewExternalIPAddress>' + outerIp + '</NewExternalIPAddress>'
      if (action === 'DeletePortMapping') console.log('unmapped ' + field(body, 'NewExternalPort'))
      response.end('<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:' + action + 'Response xmlns:u="' + service + '">' + result + '</u:' + action + 'Response></s:Body></s:Envelope>')
    })
  }).listen(5000, lanIp)
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
  socket.on('message', (message, from) => {
    if (!message.includes('M-SEARCH')) return
    const lines = ['HTTP/1.1 200 OK', 'CACHE-CONTROL: max-age=1800', 'EXT:', 'LOCATION: http://' + lanIp + ':5000/description.xml', 'SERVER: test', 'ST: ' + type, 'USN: uuid:router::' + type, '', '']
    socket.send(lines.join('\\r\\n'), from.port, from.address)
  })
  socket.bind(1900, () => {
    socket.addMembership('239.255.255.250', lanIp)
    console.log('listening')
  })
}
`

/** What a router maps on request. */
export interface MappingInit {
  readonly how: 'NAT-PMP' | 'UPnP'
  /** @default the router's own outer address */
  readonly outerIp?: string
  /** Whether it forwards what it says it forwards. @default true */
  readonly honest?: boolean
}

/** Has a router map ports on request. @returns what it did so far, a line each */
export async function mapPortsOnRequest(
  { machine, lan, ip4 }: Router,
  { how, outerIp = ip4, honest = true }: MappingInit,
): Promise<() => readonly string[]> {
  const settings = { how, lanIp: `${lan}.1`, outerIp, honest }
  const child = machine.spawn(process.execPath, ['-e', SERVER, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (data: string) => {
    text += data
  })
  if (child.stdout !== null) await once(child.stdout, 'data')
  return () => text.trim().split('\n').slice(1)
}
