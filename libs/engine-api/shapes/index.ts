export { outputContentType, shapeContainerInspect, shapeContainerSummary, shapeImageInspect, shapeImageSummary, shapeNetwork } from './shapes.ts';
