import type { DeviceSummary } from './api/types';
import { kindWord } from './lang/kind';

/** The devices that have every word of `wanted` in their name, an address, or what they may be. */
export function having(devices: readonly DeviceSummary[], wanted: string, kind: typeof kindWord = kindWord): readonly DeviceSummary[] {
  const words = wanted.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return devices;
  return devices.filter((device) => {
    const text = [device.name, device.id, device.mac ?? '', ...device.addresses, device.guess?.kind ? kind(device.guess.kind) : '', device.guess?.vendor ?? ''].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
