import { nginxConfig } from '../../tools/services/nginx-config.ts';

/** The balancer of `deploy/compose.yaml`, whose replicas have these addresses. */
export function fleetConfig(folder: string, user: string): string {
  const replicas = ['10.73.0.11:8080', '10.73.0.12:8080', '10.73.0.13:8080'];
  return nginxConfig({ listen: '8080', replicas, folder, user });
}
