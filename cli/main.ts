#!/usr/bin/env node
// Imports nothing before the check and uses nothing newer than Node 14, so that an old Node can run it.
const NEEDED = { major: 22, minor: 18 }
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > NEEDED.major || (major === NEEDED.major && minor >= NEEDED.minor)) {
  await import('./start.ts')
} else {
  process.stderr.write(
    `skein: this is Node ${process.versions.node}, and Skein needs Node ${NEEDED.major}.${NEEDED.minor} or newer: https://nodejs.org\n`,
  )
  process.exitCode = 2
}
