import { render } from 'preact'
import { App } from './app.tsx'
import { connect } from './store.ts'

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no place for the console')
connect()
render(<App />, root)
