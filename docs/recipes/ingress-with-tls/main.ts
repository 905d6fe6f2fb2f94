import { App, LakehouseChart } from 'cdk8s-lakehouse';

export const app = new App();

new LakehouseChart(app, 'lakehouse', {
  was: {
    // The Secret exists in the namespace was: kubectl create secret tls shop-tls --cert=… --key=…
    ingress: { host: 'shop.example.com', tls: { secretName: 'shop-tls' } },
  },
  grafana: {
    // cert-manager makes the Secret.
    ingress: {
      host: 'boards.example.com',
      tls: { secretName: 'boards-tls', clusterIssuer: 'letsencrypt' },
      // Any other class than nginx, traefik and alb says where its controller is.
      className: 'internal',
      controller: { namespace: 'ingress-internal' },
    },
  },
});
