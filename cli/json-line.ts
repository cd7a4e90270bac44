/** DEL and the C1 controls, which JSON leaves as they are and a terminal may obey. */
const RAW_CONTROLS = /[\u007f-\u009f]/g

/** One event, or line of the log, as one line of JSON. Control characters are escaped; values are exact. */
export function jsonLine(event: object): string {
  const json = JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  return `${json.replaceAll(RAW_CONTROLS, escaped)}\n`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
