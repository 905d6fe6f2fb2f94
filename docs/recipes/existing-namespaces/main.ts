import { App, LakehouseChart } from 'cdk8s-lakehouse';

export const app = new App();

// Two namespaces that other teams use too. Nothing is made in them but the objects of the layers and the policies of their
// pods: no Pod Security label, no quota, no LimitRange, and pods of others are not cut off.
new LakehouseChart(app, 'lakehouse', {
  existingNamespaces: [
    { name: 'jobs' },
    // What is asked for is made all the same.
    { name: 'shop', limitRange: true },
  ],
  was: { namespace: 'shop' },
  streaming: { namespace: 'jobs' },
  gold: { namespace: 'jobs' },
});
