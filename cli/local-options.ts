import { type Command, Option } from 'commander'

/**
 * Adds the options of a command that works on this machine and opens no peer. They are apart from the options of the
 * network, whose parsers load libp2p.
 */
export function withLocalOptions(command: Command): Command {
  return command.addOption(dataDirOption()).addOption(configOption()).addOption(jsonOption())
}

export function dataDirOption(): Option {
  return new Option(
    '--data-dir <dir>',
    'directory for identity and known peers (default: under XDG_DATA_HOME)',
  )
}

export function configOption(): Option {
  return new Option(
    '--config <file>',
    'configuration file (default: skein/skein.yaml under XDG_CONFIG_HOME)',
  )
}

export function jsonOption(): Option {
  return new Option('--json', 'stdout: one JSON object a line; logs on stderr')
}
