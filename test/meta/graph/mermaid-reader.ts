// SPDX-License-Identifier: BSD-2-Clause
// Reads the flowcharts that we write, and nothing else: every line has one of a few forms, or it throws. Mermaid's own
// parser is a hundred times the size of this package; what it accepts was compared by hand.

export interface Flowchart {
  readonly nodes: ReadonlyMap<string, string>;
  readonly links: readonly { readonly from: string; readonly to: string; readonly label: string }[];
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

const id = '[a-z]+_\\w*|remarks';
/** Between quotes: no quote, and of what has a meaning to Mermaid or HTML only our own two tags and its entities. */
const text = '(?:[\\p{L}\\p{M}\\p{N} _/@,]|#\\d+;|<br>|</?b>)*';
const forms = {
  node: new RegExp(`^(${id})(?:\\["(${text})"\\]|\\("(${text})"\\))$`, 'u'),
  link: new RegExp(`^(${id}) (<?(?:--|==)[->=]|-\\.->?)(?:\\|"(${text})"\\|)? (${id})$`, 'u'),
  class: /^class ([\w,]+) (\w+)$/,
  open: new RegExp(`^subgraph in_(${id}) \\[" "\\]$`),
  classDef: /^classDef \w+ (?:(?:fill|stroke|color|stroke-width):[#\w]+,?)+$/,
  linkStyle: /^linkStyle ([\d,]+) stroke:#[0-9a-f]{6}$/,
};

export function readFlowchart(source: string): Flowchart {
  const [head, ...lines] = source.split('\n');
  if (head !== 'flowchart TB' || lines.pop() !== '') throw new Error('no flowchart');
  const nodes = new Map<string, string>();
  const links: { from: string; to: string; label: string }[] = [];
  const classes = new Map<string, string[]>();
  let depth = 0;
  for (const line of lines.map((each) => each.trim())) {
    const node = forms.node.exec(line);
    const link = forms.link.exec(line);
    const named = forms.class.exec(line);
    const style = forms.linkStyle.exec(line);
    if (line === 'end') depth -= 1;
    else if (forms.open.test(line)) depth += 1;
    else if (node !== null) {
      const [, name = '', square, round] = node;
      if (nodes.has(name)) throw new Error(`node ${name} comes twice`);
      nodes.set(name, decode(square ?? round ?? ''));
    } else if (link !== null) {
      const [, from = '', , label = '', to = ''] = link;
      links.push({ from, to, label: decode(label) });
    } else if (named !== null)
      for (const member of (named[1] ?? '').split(','))
        classes.set(member, [...(classes.get(member) ?? []), named[2] ?? '']);
    else if (style !== null) {
      if ((style[1] ?? '').split(',').some((index) => Number(index) >= links.length))
        throw new Error(`no link for ${line}`);
    } else if (!forms.classDef.test(line)) throw new Error(`not understood: ${line}`);
    if (depth < 0) throw new Error('an end too many');
  }
  if (depth !== 0) throw new Error('an end is missing');
  for (const { from, to } of links)
    for (const end of [from, to]) if (!nodes.has(end)) throw new Error(`link to nowhere: ${end}`);
  return { nodes, links, classes };
}

const decode = (label: string): string =>
  label.replaceAll(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
