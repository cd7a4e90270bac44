import { itTakesItsProcessesAlong } from './demo-suite.ts'

itTakesItsProcessesAlong('SIGINT')
