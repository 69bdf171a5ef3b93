// SPDX-License-Identifier: BSD-2-Clause
// The description library's public face.

export { type AuditedCap, type AuditReport, auditSystem } from './audit/audit.ts';
export type { Because } from './audit/because.ts';
export type { Capdl } from './audit/capdl.ts';
export { parseCapdl } from './audit/parse.ts';
export * from './audit/policy.ts';
export { checkPolicies, type PolicyResult, provePolicies } from './audit/prove.ts';
export * from './builder.ts';
export { checkSystem } from './check/system.ts';
export {
  type ComponentConfig,
  componentConfig,
  configuredPds,
  renderConfigHeader,
  renderData,
} from './config/component.ts';
export * as fields from './config/field.ts';
export { ownStructHeaders } from './config/own-struct.ts';
export * from './config/struct.ts';
export {
  type AddSerialOptions,
  type AddTimerOptions,
  type Described,
  defineSystem,
  type DefinedSystem,
  type SerialPds,
  type SystemBoard,
  type SystemContext,
} from './define-system.ts';
export * from './diagnostic.ts';
export { type AddressRange, addressesOf } from './fdt/address.ts';
export { type Interrupt, interruptsOf } from './fdt/interrupt.ts';
export { allNodes, cellsOf, findNode, type NodeInTree, numberOf, pathOf, stringsOf } from './fdt/node.ts';
export { type DeviceTree, type FdtNode, parseFdt } from './fdt/parse.ts';
export { didYouMean, errorFinding, warningFinding } from './finding.ts';
export {
  configHeader,
  type GeneratedFile,
  generateAll,
  generateHeaders,
  headerDirectory,
} from './generated.ts';
export type { Mark, MarkKind } from './graph/marks.ts';
export { renderDot } from './graph/render-dot.ts';
export { graphToJson } from './graph/render-json.ts';
export { renderMermaid } from './graph/render-mermaid.ts';
export { type Scene, sceneOf } from './graph/scene.ts';
export { graphOf, type SystemGraph } from './graph/system-graph.ts';
export * from './guest.ts';
export { addHeartbeat, type HeartbeatOptions } from './heartbeat.ts';
export {
  cpuFromTree,
  gicFromTree,
  guestLayoutFromTree,
  guestMachineFromTree,
  virtioMmioNode,
} from './guest-tree.ts';
export { renderSource } from './import/render-source.ts';
export * from './limits.ts';
export type { AddLinuxOptions, AddVsockOptions, LinuxGuest } from './linux-guests.ts';
export * from './model.ts';
export type { IoSpaceBuilder, IoSpaceOptions } from './io-space-builder.ts';
export type {
  CapOptions,
  ChildOptions,
  IoPortOptions,
  IrqOptions,
  MapOptions,
  PdBuilder,
  PdOptions,
  VmBuilder,
  VmMapOptions,
  VmOptions,
} from './pd-builder.ts';
export * from './program.ts';
export { type Device, findDriver } from './sddf/driver.ts';
export {
  type DriverConfig,
  type DriverConfigInput,
  driverConfigSchema,
  parseDriverConfig,
} from './sddf/driver-config.ts';
export { connectSerial, type SerialOptions } from './sddf/serial.ts';
export { connectTimer, type TimerOptions } from './sddf/timer.ts';
export { renderSdf } from './sdf/render.ts';
export * from './units.ts';
export { connectVmm, type VirtioDeviceKind, virtioDeviceType, type VmmOptions } from './vmm.ts';
export type { PassthroughDevice } from './vmm-passthrough.ts';
export { connectVsock, type VsockMember, type VsockOptions } from './vsock.ts';
export * from './vsock-guests.ts';
export * from './vsock-system.ts';
