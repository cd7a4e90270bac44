import { describeEclipse } from './eclipse-suite.ts'

describeEclipse({ newcomers: 5, lookups: 100 })
