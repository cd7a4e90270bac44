/**
 * Commands of one user control the processes that the same user runs on this machine.
 *
 * @example
 * const [door] = await findDoors(process.env)
 * if (door !== undefined) {
 *   for await (const reply of askDoor(door, { order: 'list' })) console.log(reply)
 * }
 *
 * @packageDocumentation
 */
export { askDoor, followDoor } from './ask-door.ts'
export { chooseDoor, order } from './choose-door.ts'
export { type Door, findDoors } from './door-file.ts'
export { type ModelHere, modelsHere } from './models-here.ts'
export type { Reply } from './orders.ts'
export { serveControl } from './serve-control.ts'
export { servingDoors } from './serving-doors.ts'
