import { environmentOf } from '../../../lib/checker/check/environments';

const of = (file: string, ...others: string[]) => environmentOf([file, ...others])(file);

describe('the environment of a file', () => {
  it('is the folder of that name beside another one', () => {
    expect(of('k8s/dev/a.yaml', 'k8s/prod/a.yaml')).toBe('dev');
    expect(of('k8s/app/prod/more/a.yaml', 'k8s/app/staging/a.yaml')).toBe('prod');
  });

  it('is none for what belongs to all', () => {
    expect(of('k8s/base/a.yaml', 'k8s/dev/a.yaml', 'k8s/prod/a.yaml')).toBeUndefined();
    expect(of('a.yaml', 'dev/a.yaml', 'prod/a.yaml')).toBeUndefined();
  });

  it('is none where only one environment is there, or the name stands above everything', () => {
    expect(of('k8s/prod/a.yaml', 'k8s/base/a.yaml')).toBeUndefined();
    expect(of('/home/dev/k8s/a.yaml', '/home/dev/other/a.yaml')).toBeUndefined();
  });

  it('is found below a folder that has such a name itself', () => {
    expect(of('/home/dev/k8s/prod/a.yaml', '/home/dev/k8s/qa/a.yaml')).toBe('prod');
  });
});
