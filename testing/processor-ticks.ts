/** Processor time in the text of `/proc/PID/stat`, in clock ticks; 0 for an empty text. */
export function processorTicks(stat: string): {
  readonly own: number
  /** Of the children that have ended. */
  readonly children: number
} {
  // Fields 14 to 17, counted from behind the name, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
  return { own: user + system, children: childUser + childSystem }
}
