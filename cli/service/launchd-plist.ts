import { join } from 'node:path'
import { type Service, type ServiceRole, serviceName } from './service.ts'

/** E.g. `skein.node`. */
export function launchdLabel(role: ServiceRole): string {
  return `skein.${role}`
}

/** @param logDirectory where stdout and stderr go */
export function launchdPlist({ role, command }: Service, logDirectory: string): string {
  const log = join(logDirectory, `${serviceName(role)}.log`)
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${launchdLabel(role)}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((argument) => `    <string>${escaped(argument)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>120</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>65536</integer>
  </dict>
  <key>StandardOutPath</key>
  <string>${escaped(log)}</string>
  <key>StandardErrorPath</key>
  <string>${escaped(log)}</string>
</dict>
</plist>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
