// SPDX-License-Identifier: BSD-2-Clause
// Runs what an import has written, compiles it, and looks at what it consists of.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { transformSync } from 'esbuild';
import ts from 'typescript';
import { paddr, SystemBuilder, type SystemDescription } from '../../../meta/index.ts';

/** As in the library, but without a board, which these descriptions do not ask about. */
type Describe = (context: { readonly sdf: SystemBuilder }) => void;
const defineSystem = (describe: Describe): Describe => describe;

const root = join(import.meta.dirname, '../../..');

/** The description that the source makes. It gets nothing but the library. */
export function runSource(source: string, arch: SystemDescription['arch']): SystemDescription {
  const { code } = transformSync(source, { loader: 'ts', format: 'cjs' });
  const module: { exports: { readonly default?: Describe } } = { exports: {} };
  const context = createContext({
    module,
    require: (name: string) => {
      if (name !== 'vmbuild/meta') throw new Error(`asks for ${name}`);
      return { defineSystem };
    },
  });
  runInContext(code, context);
  const sdf = new SystemBuilder({ arch, paddrTop: paddr(0) });
  module.exports.default?.({ sdf });
  if (sdf.findings.length > 0) throw new Error(sdf.findings.map(({ message }) => message).join('\n'));
  return sdf.describe();
}

/** What tsc says about the sources, by the strictest of its rules, in one run. */
export function compileSources(sources: readonly string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'imported-'));
  try {
    const files = sources.map((source, index) => {
      const file = join(directory, `system${index}.ts`);
      writeFileSync(file, source);
      return file;
    });
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      paths: { 'vmbuild/meta': [join(root, 'meta/index.ts')] },
    });
    return files
      .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
      .map(
        ({ messageText, file }) =>
          `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Kinds of nodes in the source that a description made of calls with literals does not have. */
export function foreignNodes(source: string): string[] {
  const file = ts.createSourceFile('system.ts', source, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (!expected.has(node.kind)) found.push(`${ts.SyntaxKind[node.kind]}: ${node.getText().slice(0, 80)}`);
    // What is called is a method of ours, or the function that wraps it all.
    if (ts.isCallExpression(node)) {
      const called = node.expression;
      const name = ts.isPropertyAccessExpression(called) ? called.name.text : called.getText();
      if (!calls.includes(name)) found.push(`call of ${name}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const calls = [
  'defineSystem',
  'addPd',
  'addMr',
  'addChild',
  'addChannel',
  'addIrq',
  'addIoPort',
  'addCap',
  'addSetvar',
  'setVirtualMachine',
  'map',
  'addIoAddressSpace',
  'setDomainSchedule',
];

const kinds = ts.SyntaxKind;
const expected = new Set<ts.SyntaxKind>([
  kinds.SourceFile,
  kinds.EndOfFileToken,
  kinds.ImportDeclaration,
  kinds.ImportClause,
  kinds.NamedImports,
  kinds.ImportSpecifier,
  kinds.ExportAssignment,
  kinds.ArrowFunction,
  kinds.EqualsGreaterThanToken,
  kinds.Parameter,
  kinds.ObjectBindingPattern,
  kinds.BindingElement,
  kinds.Block,
  kinds.VariableStatement,
  kinds.VariableDeclarationList,
  kinds.VariableDeclaration,
  kinds.ExpressionStatement,
  kinds.CallExpression,
  kinds.PropertyAccessExpression,
  kinds.Identifier,
  kinds.ObjectLiteralExpression,
  kinds.PropertyAssignment,
  kinds.ShorthandPropertyAssignment,
  kinds.ArrayLiteralExpression,
  kinds.StringLiteral,
  kinds.NumericLiteral,
  kinds.BigIntLiteral,
  kinds.TrueKeyword,
  kinds.FalseKeyword,
]);

/** The description without the places of what is in it; an empty cspace is none. */
export function withoutPlaces(system: SystemDescription): unknown {
  return JSON.parse(
    JSON.stringify(system, (key, value: unknown) => {
      if (key === 'place' || key === 'schedulePlace') return undefined;
      if (key === 'cspace' && Array.isArray(value) && value.length === 0) return undefined;
      return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
    }),
  );
}
